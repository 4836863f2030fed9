-- compatible: no
-- A refusal is an answer for ever, so it is hashed too: the link of its batch holds the hash over the batch's
-- refusals, and each refusal names the link. A batch that only refused has a link without transfers, whose
-- first_transfer is the block that it drew and whose last_transfer is the one before.

alter table chain_links
    add column refusals integer not null default 0,
    add column refusals_hash bytea,
    add constraint chain_links_refusals check (
        refusals >= 0 and (refusals > 0) = (refusals_hash is not null)
        and (refusals_hash is null or octet_length(refusals_hash) = 32)
    );
-- The audit asks for these links alone.
create index chain_links_refusals_at on chain_links (writer, batch_no) where refusals > 0;

-- Null on those from before, which nothing hashes; they are older than the first opening of an account.
alter table refusals add column writer bigint, add column batch_no bigint;
