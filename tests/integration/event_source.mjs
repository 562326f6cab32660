// SPDX-License-Identifier: MIT
// Follows a stream of events with the package `eventsource` and prints a line of JSON for each event, each
// opening and each error; asks the server once, after the first event, to load its configuration again,
// which ends every stream.
import { EventSource } from 'eventsource';

const [url, reload] = process.argv.slice(2);
const say = (kind, rest = {}) => process.stdout.write(`${JSON.stringify({ kind, ...rest })}\n`);
const source = new EventSource(url);
source.onopen = () => say('open');
source.onerror = () => say('error');
for (const type of ['message.queued', 'recipient.sent', 'message.completed']) {
  source.addEventListener(type, (event) => say('event', { type: event.type, id: event.lastEventId, data: JSON.parse(event.data) }));
}
source.addEventListener('message.completed', () => fetch(reload, { method: 'POST' }), { once: true });
