import type {
  Balance, ChatLine, ChatRules, Commands, Connected, Done, ErrorBody, FieldError, GiftLine, Hand, Invitation, OwnPlace,
  OwnershipOffer, PeoplePage, Person, Position, RemovalCause, Retry, RoomCard, Seat, SeatCause, SeatMode,
} from './protocol.d.ts';

export type * from './protocol.d.ts';

/** The subprotocol that this client speaks. */
export const SUBPROTOCOL: 'parlor.v1.json';

/** Sizes and waits. The limits that the server announces replace them. */
export interface Settings {
  connect_ms: number;
  reply_ms: number;
  answer_ms: number;
  silence_ms: number;
  backoff_ms: number;
  backoff_max_ms: number;
  stable_ms: number;
  renew_before_ms: number;
  tries: number;
}
export const DEFAULTS: Readonly<Settings>;

/** The client's clock. Waits and ages are counted in `ticks`, which only go forward; `now`, the device's time of day, may jump. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds since any moment. */
  ticks(): number;
  after(ms: number, call: () => void): unknown;
  stop(timer: unknown): void;
}

/** A new operation: a UUID of version 7, made for one tap and kept over retries and reconnects. */
export function operation(now?: number, random?: (bytes: Uint8Array) => Uint8Array): string;
/** Milliseconds before attempt number `attempt` (from 0). */
export function backoff(attempt: number, settings?: Partial<Settings>, random?: () => number): number;
/** Whether a client comes back after this close code. */
export function comesBack(code: number): boolean;

/**
 * A refusal. Programs decide by `code`; `retry` says what may be done with the same operation. Beside the server's codes there
 * are `unreachable` (nobody has answered, or somebody else than Parlor), `no_token` (the source gave none), `closed` and `left`
 * (by this client).
 */
export class ParlorError extends Error {
  constructor(body: Partial<ErrorBody> & Record<string, unknown>, status?: number);
  code: string;
  retry: Retry;
  retry_after_ms?: number;
  fields: FieldError[];
  body: Partial<ErrorBody> & Record<string, any>;
  /** The HTTP status of a REST answer. */
  status?: number;
  /** The operation of the refused command, to send it again. */
  op?: string;
}

export interface Token {
  token: string;
  /** Unix milliseconds. If given, the open socket gets a new token in time. */
  expires_at?: number;
}

/** Gives an access token; `stale` is one that the server refused. Throws `retry: 'sign_in'` if the user must sign in. */
export type TokenSource = (asked: { stale?: string }) => string | Token | Promise<string | Token>;

// ------------------------------------------------------------------------------------------------ accounts

export interface SessionStorage {
  read(): unknown;
  write(value: unknown): unknown;
}
/** Keeps a session in memory only: it ends with the program. */
export function memory(): SessionStorage;
/** Keeps a session in a browser's `sessionStorage` or `localStorage`. */
export function webStorage(storage: { getItem(name: string): string | null; setItem(name: string, value: string): void; removeItem(name: string): void }, name?: string): SessionStorage;

export interface NewAccount {
  email?: string;
  phone?: string;
  password: string;
  name: string;
}

/** A session that renews its tokens. */
export class Session {
  constructor(options: {
    /** The server's origin; absent: the page's own. */
    base?: string;
    /** The permanent name of this device. */
    device: string;
    storage?: SessionStorage;
    /** Keeps, over signing out, what shows the server that this device was signed in before; absent: `memory()`. */
    devices?: SessionStorage;
    fetch?: typeof fetch;
    /** A token is renewed this long before it expires, but not before half of its time. */
    renew_before_ms?: number;
    /** After this time without the whole answer a request counts as unanswered. */
    answer_ms?: number;
    /** For tests. */
    clock?: Clock;
    /** For tests. */
    random?: () => number;
  });
  readonly device: string;
  /** The signed-in user. */
  readonly user: Person | null;
  /** Reads the stored session. */
  restore(): Promise<Person | null>;
  signIn(account: { login: string; password: string }): Promise<Person>;
  register(account: NewAccount): Promise<Person>;
  /** The `device_token` of this device for this login; with it nobody who guesses keeps the device out. */
  deviceToken(login: string): Promise<string | undefined>;
  signOut(): Promise<void>;
  /** The signed-in user has this name and picture from now on, as a user frame `person.changed` says. */
  changed(person: Person): Promise<void>;
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
/** A room of the list, with who is in it now. */
export interface ListedRoom extends RoomCard {
  /** How many people are in the room. */
  people: number;
  /** How many of them sit on a seat. */
  seated: number;
  /** The people on the first seats, at most four. */
  on_seats: Person[];
  /** Whether the platform's staff has put the room before all others. */
  pinned: boolean;
  /** How many users follow the room. */
  followers: number;
  /** All coins that were ever spent in the room. */
  coins: number;
}
export interface WalletEntry {
  transfer: number;
  kind: string;
  amount: number;
  at: number;
  [more: string]: unknown;
}

/** What the data of an answer must fit at least: the type of a value, `[]` for a list, an object for its fields. */
export type Shape = 'string' | 'number' | [] | { [field: string]: Shape };

/**
 * The REST addresses that an app needs besides the socket. Everything rejects with `ParlorError`. An answer that does not have
 * the form of one of Parlor's rejects with `unreachable`, whatever its status: the same request may be sent again later.
 */
export class Rest {
  constructor(options?: { base?: string; fetch?: typeof fetch; token?: TokenSource; answer_ms?: number; clock?: Clock });
  /** Calls any address. `shape`: what the data must fit; null: there must be none. */
  ask<Answer = any>(method: string, path: string, body?: unknown, shape?: Shape | null): Promise<Answer>;
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
  rooms(asked?: { q?: string; sort?: 'new' | 'hot'; country?: string; tag?: string; cursor?: string; limit?: number }): Promise<Page<ListedRoom>>;
  ownRooms(asked?: { cursor?: string; limit?: number }): Promise<Page<ListedRoom>>;
  followedRooms(asked?: { cursor?: string; limit?: number }): Promise<Page<ListedRoom>>;
  /** The rooms that the user was let into of late, the last one first. */
  recentRooms(asked?: { cursor?: string; limit?: number }): Promise<Page<ListedRoom>>;
  /** The rooms of which the user is an admin. */
  adminRooms(asked?: { cursor?: string; limit?: number }): Promise<Page<ListedRoom>>;
  room(id: number): Promise<RoomCard>;
  /** `shown`: what the room asks for, if it does not let everybody in. */
  roomToken(id: number, shown?: { password?: string; link?: string }): Promise<{ token: string; expires_at: number }>;
  followRoom(id: number): Promise<unknown>;
  unfollowRoom(id: number): Promise<unknown>;
  /** Sets who is let in. `version` is that of the room's card; the password is used only with `password`. */
  setPrivacy(id: number, privacy: { version: number; privacy: RoomCard['privacy']; password?: string }): Promise<Done>;
  /** Makes a link that admits whoever has it, for a day unless `minutes` says otherwise. */
  makeLink(id: number, minutes?: number): Promise<{ link: string; expires_at: number }>;
  /** Opens a room that the user, its owner, has closed. */
  reopenRoom(id: number): Promise<Done>;
  /** The bans that hold, newest first; for the room's owner and its admins. */
  bans(id: number, cursor?: string): Promise<Page<{ user: Person; by: Person; at: number; until?: number; reason?: string }>>;
  /** The mutes in the chat that hold, newest first; for the room's owner and its admins. */
  mutes(id: number, cursor?: string): Promise<Page<{ user: Person; by: Person; at: number; until?: number }>>;
  gifts(): Promise<{ version: number; gifts: Gift[] }>;
  wallet(): Promise<{ balances: Balance[] }>;
  entries(asked?: { currency?: string; cursor?: string; limit?: number }): Promise<Page<WalletEntry>>;
}

// ------------------------------------------------------------------------------------------------ the room

/** A note between the chat lines about what happened in the room: a seat was taken, a user was kicked, a rule is another one. */
export interface Note {
  key: string;
  at: number;
  note: 'seat' | 'kicked' | 'banned' | 'unbanned' | 'muted' | 'unmuted' | 'promoted' | 'demoted' | 'rules' | 'seat_mode' | 'layout' | 'owner' | 'record';
  cause?: SeatCause;
  seat?: number;
  user?: Person;
  by?: Person;
  reason?: string;
  /** Until when a mute or ban holds; absent: until it is lifted. */
  until?: number;
  rules?: ChatRules;
  mode?: SeatMode;
  /** The number of seats. */
  seats?: number;
}

/** What a client knows about a room. A state never changes: each frame makes a new one. */
export interface RoomState {
  readonly room: number;
  /** What was seen last; sent with every join. */
  readonly position: Position | null;
  readonly card: RoomCard | null;
  /** The own place as it was at the last snapshot. What it is now follows from the fields below: `roleOf`. */
  readonly own: OwnPlace | null;
  /** The ids of the room's admins. */
  readonly admins: readonly number[];
  readonly offer: OwnershipOffer | null;
  readonly seats: readonly Seat[];
  readonly seat_version: number;
  readonly seat_mode: SeatMode;
  /** The raised hands, oldest first. Those that were raised before the join are known to owner, admins and host only. */
  readonly hands: readonly Hand[];
  /** The open invitations that were sent since the join, and one's own. */
  readonly invitations: readonly Invitation[];
  readonly chat_rules: ChatRules;
  /** By the id of each user who was muted in the chat since the join: until when, null until it is lifted, 0 if it was lifted. */
  readonly mutes: Readonly<Record<number, number | null>>;
  readonly count: number;
  readonly people: readonly Person[];
  readonly chat: readonly (ChatLine | Note)[];
  /** The operations of lines that were shown, so that each is shown once. */
  readonly ops: { readonly young: ReadonlySet<string>; readonly old: ReadonlySet<string> };
  readonly gifts: readonly GiftLine[];
  readonly coins: number;
  readonly catching_up: readonly GiftLine[] | null;
  readonly gap: boolean;
  /** What the last join added. */
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
/** The next state of the room; the given state is not changed. */
export function reduce(state: RoomState, frame: RoomFrame): RoomState;
/** What a user is in the room now. */
export function roleOf(state: RoomState, user: number): 'owner' | 'admin' | 'host' | 'speaker' | 'listener';

// ---------------------------------------------------------------------------------------------- the client

export type ConnectionState =
  | { phase: 'idle'; closed?: boolean }
  | { phase: 'connecting'; attempt: number }
  | { phase: 'online'; ping_ms: number }
  /** The client reconnects by itself, at `until` if that is known yet. */
  | { phase: 'waiting'; reason: string; code?: number; error?: Error; attempt?: number; until?: number }
  /** The user must do something: sign in again (`reason: 'sign_in'`), or connect. */
  | { phase: 'stopped'; reason: string; code?: number; error?: Error };

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
  /** The state of a room has changed. */
  room: { state: RoomState; before: RoomState; frame: RoomFrame };
  /** A new chat line; each comes once. */
  chat: { room: number; line: ChatLine };
  /** A new gift; each comes once, over all reconnects. */
  gift: { room: number; gift: GiftLine };
  /** A join was refused, and is tried again in `wait` ms. */
  refused: { room: number; error: ParlorError; wait: number };
  /** The user was removed from a room, or a join was refused for good. */
  removed: Removal;
  /** A frame for this user, as it came. */
  user: { user: number; type: string; data: any };
  /** A frame about the socket itself. */
  notice: { type: string; data?: any };
  /** The open socket could not get a new token. It tries again, and stays until the old one expires. */
  unrenewed: unknown;
  /** The text of every frame, tokens included, for debugging. */
  frame: { out: boolean; text: string };
}

export interface ClientOptions {
  /** The server's origin, as `https://parlor.example`; absent: the page's own. */
  base?: string;
  /** The socket's address, if it is not `/v1/socket` of `base`. */
  url?: string;
  /** `session.token`, or another source of tokens. */
  token: TokenSource;
  /** Gives a room token; absent: the client gets it by REST. */
  roomToken?: (room: number) => string | Promise<string>;
  /** The permanent name of this device; a second socket of the same device replaces the first. */
  device: string;
  /** The app's name, version and platform, for support. */
  client?: { name: string; version?: string; platform?: string };
  /** Needed in Node before 22, which has none; `ws` of npm works. */
  WebSocket?: unknown;
  fetch?: typeof fetch;
  settings?: Partial<Settings>;
  /** For tests. */
  clock?: Clock;
  /** For tests. */
  random?: () => number;
}

/** A socket that reconnects by itself, and everything that an app does over it. */
export class Client {
  constructor(options: ClientOptions);
  /** REST with the same token. */
  readonly rest: Rest;
  readonly state: ConnectionState;
  readonly balances: Balance[];
  /** The server's time in Unix milliseconds, however wrong this device's is; null before the first `connect`. */
  readonly time: number | null;
  /** The state of a joined room. */
  room(id: number): RoomState | undefined;
  /** Calls `listener` with each event until the returned function is called. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void;
  /** The events in order, for `for await`; ends with the loop, with `signal`, or with the client. */
  events<Name extends keyof ClientEvents>(name: Name, options?: { signal?: AbortSignal }): AsyncIterableIterator<ClientEvents[Name]>;
  /** Connects, or reconnects at once. */
  connect(): void;
  /** Closes the client for good. */
  close(): void;
  /** Drops the socket without leaving, and reconnects after this time; to try out what a reconnect does. */
  cut(away_ms?: number): void;
  /** Reconnects at once, when the network is back. */
  wake(): void;
  /** Joins a room and stays in it over reconnects. */
  join(room: number): Promise<RoomState>;
  leave(room: number): Promise<void>;
  /** Reads another page of people, beyond those of the snapshot, into the room's state. */
  people(room: number): Promise<PeoplePage>;
  /**
   * Sends a command. If it changes something, it takes effect once, however often it is sent, and leaves in order: no later one
   * of its kind (chat, gifts, seats) and room is sent before it is answered.
   */
  command<Type extends keyof Commands>(type: Type, data: Commands[Type]['data'], options?: { op?: string }): Promise<Commands[Type]['reply']>;
  command(type: string, data: object, options?: { op?: string }): Promise<any>;
}
