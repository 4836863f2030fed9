-- compatible: no
-- The journal accepts any kind of posting. A kind stores what its postings were judged by in a detail of its own form,
-- and may add constraints in its own migration. This migration names no kind.

alter table journal
    -- The kind's canonical detail and the version of its form. Rows that are older than these columns have none.
    add column detail_version smallint,
    add column detail bytea,
    -- Who ordered the posting: 1 user, 2 staff, 3 job, 4 system. Rows that are older than this column have none.
    add column authority smallint,
    -- Where staff ordered it: the coin account of that member of staff.
    add column staff bigint,
    drop constraint journal_kind,
    drop constraint journal_gift_complete,
    drop constraint journal_reversal,
    add constraint journal_kind check (kind > 0),
    add constraint journal_detail_whole check ((detail is null) = (detail_version is null)),
    add constraint journal_authority check (authority between 1 and 4),
    add constraint journal_staff check ((staff is not null) = (authority is not null and authority = 2)),
    -- The columns that describe an event in a room are all set or all null.
    add constraint journal_line_whole check (
        num_nonnulls(room_id, gift_no, gift_id, gift_count, gift_price, receivers, room_coins) in (0, 7)
    );

-- A transfer is reversed at most once.
create unique index journal_reverses_key on journal (reverses) where reverses is not null;

-- The version of the encoding by which a link's rows become the bytes that are hashed. A link keeps its version for
-- ever.
alter table chain_links add column version smallint not null default 1;
