-- compatible: no
-- A refused operation gets the same answer for ever, so refusals are hashed too: the link of a batch holds the hash
-- over the batch's refusals, and each refusal names its link. A batch that only refused has a link without transfers:
-- its first_transfer is the first number of the block that it drew, and its last_transfer is one less.

alter table chain_links
    add column refusals integer not null default 0,
    add column refusals_hash bytea,
    add constraint chain_links_refusals check (
        refusals >= 0 and (refusals > 0) = (refusals_hash is not null)
        and (refusals_hash is null or octet_length(refusals_hash) = 32)
    );
-- The audit reads the links with refusals by themselves.
create index chain_links_refusals_at on chain_links (writer, batch_no) where refusals > 0;

-- Null on refusals from before this migration, which no link hashes; they are older than the first opening of an
-- account.
alter table refusals add column writer bigint, add column batch_no bigint;
