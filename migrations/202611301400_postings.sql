-- compatible: no
-- Kinds of postings are open: a kind keeps what it was judged by in a detail of its own form, and its own
-- migration, if any, may add a constraint of its own. This one knows none of them.

alter table journal
    -- The kind's canonical detail and its form. Rows from before there was one have none.
    add column detail_version smallint,
    add column detail bytea,
    -- On whose word: 1 user, 2 staff, 3 job, 4 system. Rows from before it was kept have none.
    add column authority smallint,
    -- With staff's word: the coin account of who gave it.
    add column staff bigint,
    drop constraint journal_kind,
    drop constraint journal_gift_complete,
    drop constraint journal_reversal,
    add constraint journal_kind check (kind > 0),
    add constraint journal_detail_whole check ((detail is null) = (detail_version is null)),
    add constraint journal_authority check (authority between 1 and 4),
    add constraint journal_staff check ((staff is not null) = (authority is not null and authority = 2)),
    -- What happened in a room is said whole or not at all.
    add constraint journal_line_whole check (
        num_nonnulls(room_id, gift_no, gift_id, gift_count, gift_price, receivers, room_coins) in (0, 7)
    );

-- A transfer is undone at most once.
create unique index journal_reverses_key on journal (reverses) where reverses is not null;

-- How a link's rows become the bytes that are hashed. Links in the field keep theirs for ever.
alter table chain_links add column version smallint not null default 1;
