// SPDX-License-Identifier: MIT
// Sends, gets and lists with the client that openapi-typescript-codegen made from api/openapi.json.
//   node generated_client.cjs DIRECTORY URL KEY RECIPIENT
// Prints one line of JSON.
const [directory, url, key, recipient] = process.argv.slice(2);
const { MessagesService, SandboxService, SuppressionsService, DomainsService, OpenAPI, ApiError } = require(directory);

OpenAPI.BASE = url;
OpenAPI.TOKEN = key;

(async () => {
  const letter = { from: 'Billing <billing@example.com>', to: [recipient], subject: 'Generated', text: 'Grüße',
                   attachments: [{ filename: 'a.txt', content: Buffer.from('hello').toString('base64') }] };
  const sent = await MessagesService.sendMessage(letter, 'wait=20', 'generated-1');
  const again = await MessagesService.sendMessage(letter, 'wait=20', 'generated-1');
  const got = await MessagesService.getMessage(sent.id);
  const listed = await MessagesService.listMessages(undefined, recipient);
  const caught = await SandboxService.listSandboxMessages();
  await SuppressionsService.addSuppression({ email: recipient, reason: 'unsubscribe' });
  const suppressed = await SuppressionsService.getSuppression(recipient);
  const domain = await DomainsService.checkDomain('example.com');
  const refused = await MessagesService.sendMessage({ from: 'nobody', to: [recipient], text: 'x' }).catch((error) => error);
  process.stdout.write(JSON.stringify({ sent, again, got, listed, caught, suppressed, domain,
                                        refused: { native: refused instanceof ApiError, status: refused.status, body: refused.body } }));
})();
