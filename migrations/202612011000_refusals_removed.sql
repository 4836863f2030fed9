-- compatible: yes
-- A refusal is kept for seven days, in which a retry gets it again; then it goes, a batch's all together, so that
-- its link's hash holds or has nothing to hold.

-- A batch's refusals, oldest first: all of a batch have the time of its link.
create index refusals_at on refusals (at, writer, batch_no);
-- The audit asks for the links whose refusals have to be there yet.
create index chain_links_refused_at on chain_links (at, writer, batch_no) where refusals > 0;

-- Removes the refusals of at most so many batches, the oldest; gives how many batches. It writes as its owner: the
-- serving role may not remove a refusal by itself, and has no way to make one older. The audit holds its seven days
-- against these (`REFUSALS_KEPT` in the program).
create function remove_old_refusals(most integer) returns bigint language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    removed bigint;
begin
    with old as (
        select distinct at, writer, batch_no
          from refusals
         where at < clock_timestamp() - interval '7 days'
         order by at, writer, batch_no
         limit most
    ), gone as (
        delete from refusals r
         using old
         where r.at = old.at
           and r.writer is not distinct from old.writer and r.batch_no is not distinct from old.batch_no
    )
    select count(*) into removed from old;
    return removed;
end $$;
revoke execute on function remove_old_refusals(integer) from public;
grant execute on function remove_old_refusals(integer) to parlor_app;
