-- compatible: yes
-- The journal's first form says neither who ordered a posting nor what it was judged by, and no link hashes the refusals
-- of that time. What there is of it stands sealed here, so that nothing can be added to it.

-- Of each writer that wrote links of version 1: the last one. Its hash decides all before it.
create table first_form_ends (
    writer bigint primary key references writers,
    batch_no bigint not null,
    hash bytea not null
);
insert into first_form_ends (writer, batch_no, hash)
select distinct on (writer) writer, batch_no, hash
  from chain_links
 where version = 1
 order by writer, batch_no desc;
grant select on first_form_ends to parlor_app;

-- The audit looks for links of the first form that are not among the sealed ones.
create index chain_links_first_form on chain_links (writer, batch_no) where version = 1;

-- The refusals that no link names, each with a hash of all that it says.
create table first_form_refusals (
    op uuid not null,
    actor bigint not null,
    seal bytea not null,
    primary key (op, actor)
);
insert into first_form_refusals (op, actor, seal)
select op, actor,
       sha256(convert_to(concat_ws(E'\n', encode(body_hash, 'hex'), error::text, extract(epoch from at)), 'UTF8'))
  from refusals
 where writer is null or batch_no is null;
grant select on first_form_refusals to parlor_app;

-- From now on a refusal names its link. The refusals of before remain until the clean-up removes them; the constraint is
-- not checked against them. A program that knows no links, if one still runs, is refused instead of leaving a refusal
-- that the audit reports for ever.
alter table refusals
    add constraint refusals_linked check (writer is not null and batch_no is not null) not valid;
create index refusals_unlinked on refusals (op, actor) where writer is null or batch_no is null;
