// Everything that an app may use. What is not exported here is internal.

export { Client } from './client.js';
export { Rest } from './rest.js';
export { emptyRoom, reduce, roleOf } from './room.js';
export { Session, memory, webStorage } from './session.js';
export { DEFAULTS, ParlorError, SUBPROTOCOL, backoff, comesBack, operation } from './wire.js';
