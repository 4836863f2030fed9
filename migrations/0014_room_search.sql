-- Rooms found by a part of their name.

-- Trusted: the owner of the database may add it.
create extension if not exists pg_trgm;

-- Letters are folded by ICU whatever the database's locale is: under `C` only those of ASCII would be.
create index rooms_name on rooms using gin (lower(name collate "und-x-icu") gin_trgm_ops);
