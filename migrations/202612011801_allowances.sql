-- compatible: yes
-- What one account, address or contact may use up in an hour or a day, and who guessed at a sign-in or a code. All of it
-- is counted in the database, so that neither a restart nor another node begins anew.

-- Each use of something of which only so much is allowed in a time: registrations of an address, messages to a contact,
-- uploads of a user. A refused use makes no row, so an allowance has at most as many rows as it allows uses.
create table usages (
    id bigint generated always as identity primary key,
    -- What is used, as the program names it.
    kind text not null,
    -- Whose allowance it is; a keyed hash for addresses and contacts, so that this is no list of them.
    key bytea not null,
    -- Who used it, where several use up one allowance: a keyed hash too.
    used_by bytea,
    -- How much of it, for allowances of an amount.
    amount bigint not null constraint usages_amount check (amount >= 0),
    at timestamptz not null default clock_timestamp()
);
-- The newest uses of one allowance.
create index usages_of on usages (kind, key, at desc);
-- Removed by time.
create index usages_at on usages (at);

-- A guess at a password that was not the right one. It is counted before it is checked; a right one deletes it.
create table sign_in_guesses (
    id bigint generated always as identity primary key,
    -- Keyed hash of the phone number or e-mail address. It is the same whether or not there is an account.
    contact bytea not null,
    -- Keyed hash of the network address, or of the known device.
    guesser bytea not null,
    -- A device that was signed in to this account before.
    known boolean not null,
    at timestamptz not null default clock_timestamp()
);
-- By the guesser at one contact, by strangers at one contact, and by one stranger at any contact.
create index sign_in_guesses_at_contact on sign_in_guesses (contact, at desc);
create index sign_in_guesses_of_stranger on sign_in_guesses (guesser, at desc) where not known;
create index sign_in_guesses_at on sign_in_guesses (at);

-- Who asked for a code: a keyed hash. Null for a code of an older program, which nobody has asked for.
alter table one_time_codes add column asker bytea;

-- How often somebody has tried a code. The row goes when its code has gone.
create table code_tries (
    -- The code's hash.
    code bytea not null,
    -- Keyed hash of the network address, the known device or the user.
    trier bytea not null,
    -- Neither who asked for the code nor a device that was signed in to the account before.
    stranger boolean not null,
    tries integer not null,
    primary key (code, trier)
);

-- Sessions that ended long ago are removed; with a session goes its refresh token.
create index sessions_ended on sessions (revoked_at) where revoked_at is not null;
create index refresh_tokens_expires_at on refresh_tokens (expires_at);
grant delete on sessions to parlor_app;

grant select, insert, delete on usages, sign_in_guesses to parlor_app;
grant select, insert, update, delete on code_tries to parlor_app;
-- Sign-in is not for those who read the books.
revoke select on usages, sign_in_guesses, code_tries from parlor_audit;
