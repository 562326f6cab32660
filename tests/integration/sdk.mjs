// SPDX-License-Identifier: MIT
// Makes calls of a provider's SDK and prints what each gave.
// stdin:  {sdk, package, url, key, calls: [[method, ...arguments]]}; {"$buffer": base64} becomes a Buffer
// stdout: [{value} | {error: {class, name, message, code, status, details, body, attempts}}]
import { text } from 'node:stream/consumers';

const { sdk, package: name, url, key, calls } = JSON.parse(await text(process.stdin));
process.env.RESEND_BASE_URL = url; // older majors read it when they are imported
const module = await import(name);

// <id>.<secret> as AWS's SDKs and Mailgun's have it
const [id, secret] = [key.slice(0, key.indexOf('.')), key.slice(key.indexOf('.') + 1)];
const aws = (ses) => new (ses.SESv2Client ?? ses.SESClient)({ endpoint: url, region: 'eu-west-1',
                                               credentials: { accessKeyId: id, secretAccessKey: secret } });

const mailgun = (form) => new (module.default.default ?? module.default)(form).client({ username: 'api', key, url });

const clients = {
  // with the form-data package as its documentation has it, or with Node's own FormData
  mailgun: async () => mailgun((await import('form-data')).default),
  mailgun_web: () => mailgun(FormData),
  mailgun_js: () => {
    const { hostname: host, port, pathname } = new URL(url);
    const client = module.default({ apiKey: key, domain: 'example.com', protocol: 'http:', host, port, endpoint: `${pathname}/v3`, retry: 1 });
    const files = (name, list) => (list ? { [name]: list.map((file) => new client.Attachment(file)) } : {});
    return { send: ({ attachment, inline, ...data }) =>
               client.messages().send({ ...data, ...files('attachment', attachment), ...files('inline', inline) }),
             sendMime: (data) => client.messages().sendMime(data), get: (...a) => client.get(...a),
             post: (...a) => client.post(...a), delete: (...a) => client.delete(...a) };
  },
  // the name of a command, and its input
  ses: () => {
    const client = aws(module);
    return new Proxy({}, { get: (_, name) => name.endsWith('Command') ? (input) => client.send(new module[name](input)) : undefined });
  },
  nodemailer: async () => {
    const sesv2 = await import('@aws-sdk/client-sesv2');
    return module.default.createTransport({ SES: { sesClient: aws(sesv2), SendEmailCommand: sesv2.SendEmailCommand } });
  },
  resend: () => new module.Resend(key, { baseUrl: url }),
  postmark: () => new (module.ServerClient ?? module.default.ServerClient)(
    key, { useHttps: false, requestHost: url.replace('http://', '') }),
  sendgrid: () => {
    const mail = module.default;
    mail.setApiKey(key);
    mail.client.setDefaultRequest('baseUrl', `${url}/`);
    return { send: (...a) => mail.send(...a), sendMultiple: (...a) => mail.sendMultiple(...a),
             request: (...a) => mail.client.request(...a) };
  },
};

const revive = (value) => {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.$buffer === 'string') return Buffer.from(value.$buffer, 'base64');
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)]));
};

const client = await clients[sdk]();
const results = [];
for (const [method, ...args] of calls) {
  const path = method.split('.');
  const last = path.pop();
  const owner = path.reduce((object, key) => object[key], client);
  try {
    results.push({ value: await owner[last](...args.map(revive)) ?? null });
  } catch (e) {
    results.push({ error: { class: e.constructor.name, name: e.name, type: e.type, message: e.message, code: e.code,
                            status: e.statusCode ?? e.status ?? e.$metadata?.httpStatusCode, details: e.details,
                            body: e.response?.body, recipients: e.recipients, attempts: e.$metadata?.attempts } });
  }
}
process.stdout.write(JSON.stringify(results));
