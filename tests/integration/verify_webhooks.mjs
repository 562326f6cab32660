// SPDX-License-Identifier: MIT
// Reads {secret, calls: [{body, id, timestamp, signature}]} as JSON from stdin and prints what the package
// `standardwebhooks` makes of each: the document, or the error's message.
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

const { secret, calls } = JSON.parse(await text(process.stdin));
const webhook = new Webhook(secret);
const verify = ({ body, id, timestamp, signature }) => {
  try {
    return { document: webhook.verify(body, { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }) };
  } catch (error) {
    return { error: error.message };
  }
};
process.stdout.write(JSON.stringify(calls.map(verify)));
