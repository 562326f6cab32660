// SPDX-License-Identifier: MIT
// Reads one mail from stdin with mailparser, an independent parser, and prints what it found as JSON in
// the shape of tests/lib/mail_reading.py.
import { simpleParser } from 'mailparser';

const addresses = (field) => (field?.value ?? []).map(({ name, address }) => [name, address]);
const mail = await simpleParser(process.stdin, { skipHtmlToText: true, skipTextToHtml: true,
                                                 skipImageLinks: true });

process.stdout.write(JSON.stringify({
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
}));
