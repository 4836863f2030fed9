-- What people say of themselves, how they are found, and how they prove an address.

-- Trusted since PostgreSQL 13: the database's owner may create it.
create extension if not exists pg_trgm;

alter table users
    -- Empty until a code that was sent there was entered. Who proves an unproven one takes it over.
    add column phone_verified_at timestamptz,
    add column email_verified_at timestamptz,
    -- ISO 3166-1 alpha-2.
    add column country text constraint users_country_form check (country ~ '^[A-Z]{2}$'),
    -- For the age gate; shown to nobody else.
    add column birthday date,
    add column bio text constraint users_bio_length check (char_length(bio) between 1 and 200),
    -- BCP 47.
    add column language text constraint users_language_length check (char_length(language) between 2 and 35),
    -- The name without case, accents and tatweel, for finding it by its beginning. Folded by the program:
    -- what lower() does depends on the database's locale.
    add column search_name text not null default '',
    -- The same with every letter beyond ASCII as one of ASCII: pg_trgm sees no others where the locale is C,
    -- and likeness needs only that equal letters stay equal.
    add column search_letters text not null default '',
    add constraint users_phone_verified check (phone_verified_at is null or phone is not null),
    add constraint users_email_verified check (email_verified_at is null or email is not null),
    -- Whose only address was taken over by the one who proved it goes on with the sessions that there are,
    -- until another address is added.
    drop constraint users_reachable;

update users set search_name = lower(name), search_letters = lower(name);

-- Finding by the beginning of a name, in the order of names, by cursor.
create index users_search_name on users (search_name text_pattern_ops, id);
-- Finding by likeness, nearest first: GiST, because it stops at the nearest few.
create index users_search_letters on users using gist (search_letters gist_trgm_ops (siglen = 64));

-- Public ids, short and memorable. A row without a user is taken nevertheless: reserved for VIPs and
-- staff, or somebody's former one, so that nobody passes for another.
create table signatures (
    signature text primary key constraint signatures_form check (signature ~ '^[a-z]{2,16}(-([a-z]{2,16}|[0-9]{1,6})){0,3}$'),
    user_id bigint constraint signatures_user_id_key unique references users,
    changed_at timestamptz not null default clock_timestamp()
);
-- What looks alike is one.
create unique index signatures_likeness on signatures (translate(signature, '015', 'ols'));

insert into signatures (signature)
values ('parlor'), ('admin'), ('administrator'), ('root'), ('system'), ('staff'), ('official'), ('support'), ('help'),
       ('moderator'), ('mod'), ('vip'), ('security'), ('team'), ('owner'), ('manager'), ('reseller'), ('agency');
-- Who was there before signatures were.
insert into signatures (signature, user_id)
select 'guest-' || substr(lpad(id::text, 18, '0'), 1, 6) || '-' || substr(lpad(id::text, 18, '0'), 7, 6) || '-'
       || substr(lpad(id::text, 18, '0'), 13, 6), id
  from users;

-- The key of the keyed hashes below: one row. Whoever reads it reads the keys of tokens too.
create table contact_key (
    only_one boolean primary key default true constraint contact_key_only_one check (only_one),
    secret bytea not null constraint contact_key_length check (octet_length(secret) = 32)
);

-- One-time codes, the newest of its kind. Kept alike for addresses that have an account and that have
-- none, so that nothing tells them apart.
create table one_time_codes (
    purpose text not null constraint one_time_codes_purpose check (purpose in ('register', 'reset', 'contact')),
    -- Keyed hash of the address: no list of addresses that were only asked about.
    contact bytea not null,
    -- Who is signed in and asked; 0 for nobody.
    user_id bigint not null,
    -- Keyed hash of purpose, address, user and code.
    hash bytea not null constraint one_time_codes_hash_length check (octet_length(hash) = 32),
    tries_left integer not null,
    expires_at timestamptz not null,
    primary key (purpose, contact, user_id)
);
create index one_time_codes_expires_at on one_time_codes (expires_at);

-- What is counted against guessing and flooding, over restarts and all nodes: failed sign-ins by address
-- signed in with and by network address, codes by address sent to. Keyed hashes, as above.
create table throttles (
    kind text not null constraint throttles_kind check (kind in ('sign_in_contact', 'sign_in_address', 'password', 'code')),
    key bytea not null,
    count integer not null,
    -- Nothing more until then.
    blocked_until timestamptz not null,
    counted_at timestamptz not null default clock_timestamp(),
    primary key (kind, key)
);
create index throttles_counted_at on throttles (counted_at);

grant select, insert, update on signatures to parlor_app;
grant select, insert on contact_key to parlor_app;
grant select, insert, update, delete on one_time_codes, throttles to parlor_app;
revoke select on contact_key, one_time_codes, throttles from parlor_audit;
