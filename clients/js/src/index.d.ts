import type {
  Balance, ChatLine, Commands, Connected, ErrorBody, FieldError, GiftLine, OwnPlace, PeoplePage, Person, Position,
  RemovalCause, Retry, RoomCard, Seat, SeatCause,
} from './protocol.d.ts';

export type * from './protocol.d.ts';

/** The subprotocol that this client speaks. */
export const SUBPROTOCOL: 'parlor.v1.json';

/** Sizes and waits. The server's own limits replace those it announces. */
export interface Settings {
  connect_ms: number;
  reply_ms: number;
  silence_ms: number;
  backoff_ms: number;
  backoff_max_ms: number;
  stable_ms: number;
  renew_before_ms: number;
  tries: number;
}
export const DEFAULTS: Readonly<Settings>;

/** A UUID of version 7: the name of one tap, kept over retries and reconnects. */
export function operation(now?: number, random?: (bytes: Uint8Array) => Uint8Array): string;
/** Milliseconds before attempt number `attempt` (from 0). */
export function backoff(attempt: number, settings?: Partial<Settings>, random?: () => number): number;
/** Whether a client comes back after this close code. */
export function comesBack(code: number): boolean;

/** A refusal: `code` is what a program may look at, `retry` what may be done with the same operation. */
export class ParlorError extends Error {
  constructor(body: Partial<ErrorBody> & Record<string, unknown>, status?: number);
  code: string;
  retry: Retry;
  retry_after_ms?: number;
  fields: FieldError[];
  body: Partial<ErrorBody> & Record<string, any>;
  /** The HTTP status, where REST answered. */
  status?: number;
  /** The operation of the command that was refused: ask again with it. */
  op?: string;
}

export interface Token {
  token: string;
  /** Unix milliseconds; with it the live socket is given a new token in time. */
  expires_at?: number;
}

/** Brings an access token; `stale` is one that the server refused. Throws `retry: 'sign_in'` where a person has to act. */
export type TokenSource = (asked: { stale?: string }) => string | Token | Promise<string | Token>;

// ------------------------------------------------------------------------------------------------ accounts

export interface SessionStorage {
  read(): unknown;
  write(value: unknown): unknown;
}
/** Keeps a session nowhere: it ends with the program. */
export function memory(): SessionStorage;
/** Keeps a session in a browser's `sessionStorage` or `localStorage`. */
export function webStorage(storage: { getItem(name: string): string | null; setItem(name: string, value: string): void; removeItem(name: string): void }, name?: string): SessionStorage;

export interface NewAccount {
  email?: string;
  phone?: string;
  password: string;
  name: string;
}

/** A sign-in that lasts. */
export class Session {
  constructor(options: {
    /** The server's origin; absent: the page's own. */
    base?: string;
    /** The lasting name of this device. */
    device: string;
    storage?: SessionStorage;
    fetch?: typeof fetch;
    now?: () => number;
    renew_before_ms?: number;
  });
  readonly device: string;
  /** Who is signed in. */
  readonly user: Person | null;
  /** Reads what was kept from the last time. */
  restore(): Promise<Person | null>;
  signIn(account: { login: string; password: string }): Promise<Person>;
  register(account: NewAccount): Promise<Person>;
  signOut(): Promise<void>;
  /** The source of tokens for `Client` and `Rest`. */
  token(asked?: { stale?: string }): Promise<Token>;
}

// ---------------------------------------------------------------------------------------------------- REST

export interface Page<Item> {
  items: Item[];
  next?: string | null;
}
export interface Gift {
  id: number;
  name_en: string;
  name_ar: string;
  category: string;
  rarity: string;
  price: number;
  vip_level: number;
}
export interface WalletEntry {
  transfer: number;
  kind: string;
  amount: number;
  at: number;
  [more: string]: unknown;
}

/** REST for what an app needs beside the socket. Everything rejects with `ParlorError`. */
export class Rest {
  constructor(options?: { base?: string; fetch?: typeof fetch; token?: TokenSource });
  /** Any address. */
  ask<Answer = any>(method: string, path: string, body?: unknown): Promise<Answer>;
  as(token: string): Rest;
  register(account: NewAccount & { device: string }): Promise<any>;
  login(account: { login: string; password: string; device: string }): Promise<any>;
  refresh(refresh_token: string): Promise<any>;
  logout(): Promise<any>;
  me(): Promise<Person & Record<string, any>>;
  sessions(cursor?: string): Promise<Page<{ id: string; device: string; created_at: number; last_used_at: number; current: boolean }>>;
  endSession(id: string): Promise<unknown>;
  endOtherSessions(): Promise<unknown>;
  changeMe(profile: Record<string, unknown>): Promise<any>;
  users(q: string, cursor?: string): Promise<Page<Person & Record<string, any>>>;
  openRoom(room: { name: string; seats?: number }): Promise<RoomCard>;
  rooms(asked?: { q?: string; cursor?: string; limit?: number }): Promise<Page<RoomCard>>;
  room(id: number): Promise<RoomCard>;
  roomToken(id: number): Promise<{ token: string; expires_at: number }>;
  gifts(): Promise<{ version: number; gifts: Gift[] }>;
  wallet(): Promise<{ balances: Balance[] }>;
  entries(asked?: { currency?: string; cursor?: string; limit?: number }): Promise<Page<WalletEntry>>;
}

// ------------------------------------------------------------------------------------------------ the room

/** A remark of the room's between the lines of chat: who sat down, who was put out. */
export interface Note {
  key: string;
  at: number;
  note: 'seat' | 'kicked';
  cause?: SeatCause;
  seat?: number;
  user?: Person;
  by?: Person;
  reason?: string;
}

/** What a client knows of a room. Never changed: each frame makes a new one. */
export interface RoomState {
  readonly room: number;
  /** What was seen last; goes with every join. */
  readonly position: Position | null;
  readonly card: RoomCard | null;
  readonly own: OwnPlace | null;
  readonly seats: readonly Seat[];
  readonly seat_version: number;
  readonly count: number;
  readonly people: readonly Person[];
  readonly chat: readonly (ChatLine | Note)[];
  readonly gifts: readonly GiftLine[];
  readonly coins: number;
  readonly catching_up: readonly GiftLine[] | null;
  readonly gap: boolean;
  /** What the last join brought. */
  readonly visit: { first: boolean; recovered: boolean; events: number; chat: number; gifts: number; seats: number | null } | null;
}

/** An event or signal as it came, or a reply as `joined`, `gifts.page`, `people.page`. */
export interface RoomFrame {
  room?: number;
  type: string;
  epoch?: number;
  seq?: number;
  at?: number;
  data: any;
}

export function emptyRoom(room: number): RoomState;
/** The next picture of the room. Pure. */
export function reduce(state: RoomState, frame: RoomFrame): RoomState;

// ---------------------------------------------------------------------------------------------- the client

export type ConnectionState =
  | { phase: 'idle'; closed?: boolean }
  | { phase: 'connecting'; attempt: number }
  | { phase: 'online'; ping_ms: number }
  /** Comes back by itself at `until`, where it is known yet. */
  | { phase: 'waiting'; reason: string; code?: number; attempt?: number; until?: number }
  /** Somebody has to do something: sign in again (`reason: 'sign_in'`), or connect. */
  | { phase: 'stopped'; reason: string; code?: number; error?: ParlorError };

export interface Removal {
  room: number;
  cause: RemovalCause | (string & {});
  until?: number;
  reason?: string;
  /** A join was refused for good. */
  error?: ParlorError;
}

export interface ClientEvents {
  state: ConnectionState;
  connected: Connected;
  balances: Balance[];
  /** The picture of a room has changed. */
  room: { state: RoomState; before: RoomState; frame: RoomFrame };
  /** A line that was not in the picture yet: each once. */
  chat: { room: number; line: ChatLine };
  /** A gift to show: each once, over every reconnect. */
  gift: { room: number; gift: GiftLine };
  /** A join that is tried again in `wait` ms. */
  refused: { room: number; error: ParlorError; wait: number };
  /** Put out of a room, or never let in. */
  removed: Removal;
  /** A frame for this user, as it came. */
  user: { user: number; type: string; data: any };
  /** What the server says of the socket itself. */
  notice: { type: string; data?: any };
  /** The live socket could not be given a new token; it serves until the old one expires. */
  unrenewed: unknown;
  /** Every frame's text, with its tokens: for a debugger's eyes. */
  frame: { out: boolean; text: string };
}

export interface ClientOptions {
  /** The server's origin, as `https://parlor.example`; absent: the page's own. */
  base?: string;
  /** The socket's address, where it is not `base` and `/v1/socket`. */
  url?: string;
  /** As `session.token`, or an own source. */
  token: TokenSource;
  /** Brings a room token; absent: asked of REST. */
  roomToken?: (room: number) => string | Promise<string>;
  /** The lasting name of this device; a second socket of the same device replaces the first. */
  device: string;
  /** What the app is, for support. */
  client?: { name: string; version?: string; platform?: string };
  /** Node before 22 has none: `ws` of npm fits. */
  WebSocket?: unknown;
  fetch?: typeof fetch;
  settings?: Partial<Settings>;
  /** For tests. */
  clock?: { now(): number; after(ms: number, call: () => void): unknown; stop(timer: unknown): void };
  /** For tests. */
  random?: () => number;
}

/** One socket that comes back, and what an app does over it. */
export class Client {
  constructor(options: ClientOptions);
  /** REST with the same token. */
  readonly rest: Rest;
  readonly state: ConnectionState;
  readonly balances: Balance[];
  /** The picture of a room that one is in. */
  room(id: number): RoomState | undefined;
  /** Calls `listener` with each event until the function that this returns is called. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void;
  /** The events one after the other, for `for await`; ends with the loop, with `signal`, or with the client. */
  events<Name extends keyof ClientEvents>(name: Name, options?: { signal?: AbortSignal }): AsyncIterableIterator<ClientEvents[Name]>;
  /** Connects, or comes back at once. */
  connect(): void;
  /** Ends for good. */
  close(): void;
  /** Drops the socket without leaving, and stays away for so long. */
  cut(away_ms?: number): void;
  /** The network is back. */
  wake(): void;
  /** Comes into a room and stays in it over reconnects. */
  join(room: number): Promise<RoomState>;
  leave(room: number): Promise<void>;
  /** A page of the people that the snapshot did not name, into the picture. */
  people(room: number): Promise<PeoplePage>;
  /** What changes something happens once, however often it is sent. */
  command<Type extends keyof Commands>(type: Type, data: Commands[Type]['data'], options?: { op?: string }): Promise<Commands[Type]['reply']>;
  command(type: string, data: object, options?: { op?: string }): Promise<any>;
}
