// Everything that an app needs; what stands in no other file than its own is not for use.

export { Client } from './client.js';
export { Rest } from './rest.js';
export { emptyRoom, reduce } from './room.js';
export { Session, memory, webStorage } from './session.js';
export { DEFAULTS, ParlorError, SUBPROTOCOL, backoff, comesBack, operation } from './wire.js';
