// SPDX-License-Identifier: MIT
// Reads mails, a JSON list of base64 on stdin, with mailparser, an independent parser, and prints what it
// found in each as a JSON list in the shape of tests/lib/mail_reading.py.
import { text } from 'node:stream/consumers';
import { simpleParser } from 'mailparser';

const addresses = (field) => (field?.value ?? []).map(({ name, address }) => [name, address]);
const options = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true };

const read = async (content) => {
  const mail = await simpleParser(Buffer.from(content, 'base64'), options);
  return {
    from: addresses(mail.from),
    to: addresses(mail.to),
    cc: addresses(mail.cc),
    reply_to: addresses(mail.replyTo),
    subject: mail.subject ?? '',
    message_id: mail.messageId,
    date: mail.date?.toISOString(),
    text: mail.text ?? null,
    html: mail.html || null,
    attachments: mail.attachments.map((part) => ({
      filename: part.filename ?? null,
      content_type: part.contentType,
      disposition: part.contentDisposition,
      content_id: part.contentId ?? null,
      content: part.content.toString('base64'),
    })),
  };
};

const mails = [];
for (const content of JSON.parse(await text(process.stdin)))
  mails.push(await read(content));
process.stdout.write(JSON.stringify(mails));
