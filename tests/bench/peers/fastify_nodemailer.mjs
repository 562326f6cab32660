// SPDX-License-Identifier: MIT
// The HTTP mail service that a Node team writes: fastify in front, nodemailer behind, the answer
// after the relay has taken the mail. Prints `port=N`.
//
// environment: RELAY_PORT, CA (file), POOL (connections; 0: one per mail),
//              DKIM_KEY (PEM file), DKIM_PARSED=1 (parse the key once instead of per mail)
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import fastify from "fastify";
import nodemailer from "nodemailer";

const env = process.env;
const pool = Number(env.POOL ?? 16);
const options = {
  host: "localhost", port: Number(env.RELAY_PORT), secure: false, requireTLS: true,
  auth: { user: "user", pass: "secret" }, tls: { ca: readFileSync(env.CA) },
};
if (pool > 0) Object.assign(options, { pool: true, maxConnections: pool, maxMessages: Infinity });
if (env.DKIM_KEY) {
  const pem = readFileSync(env.DKIM_KEY, "utf8");
  options.dkim = {
    domainName: "example.com", keySelector: "s0",
    privateKey: env.DKIM_PARSED ? createPrivateKey(pem) : pem,
  };
}
const transport = nodemailer.createTransport(options);
const app = fastify({ bodyLimit: 32 << 20 });

app.post("/v1/messages", async (request, reply) => {
  const m = request.body;
  const info = await transport.sendMail({
    from: { name: m.from.name, address: m.from.email }, to: m.to, subject: m.subject, text: m.text, html: m.html,
  });
  return reply.code(200).send({ id: info.messageId, accepted: info.accepted, rejected: info.rejected });
});

await app.listen({ host: "127.0.0.1", port: 0 });
console.log(`port=${app.server.address().port}`);
