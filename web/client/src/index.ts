export { Client, createClient, type ClientOptions } from './client.js';
export { Connection, parseFrame, type ConnectionOptions, type Socket, type SocketClass } from './connection.js';
export { RestClient, RestError, type CallOptions, type Fetch, type Page } from './rest.js';
export { Keeper, fixedToken, sessionTokens, type SessionTokens } from './tokens.js';
export { idNumber, quote, sameId, unquote } from './util.js';
export type * from './types.js';
