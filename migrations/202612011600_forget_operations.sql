-- compatible: yes
-- The refusals of operations that move no money are kept as long as the others, and removed by the same function.

create index operations_refused_at on operations (at) where error is not null;

-- Removes the refusals of at most so many batches, and so many refusals of operations that move no money, the oldest
-- ones. Returns the greater number of the two: if it is `most`, there may be more.
create or replace function remove_old_refusals(most integer) returns bigint language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    batches bigint;
    others bigint;
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
    select count(*) into batches from old;
    with old as (
        select op, actor
          from operations
         where error is not null and at < clock_timestamp() - interval '7 days'
         order by at
         limit most
    )
    delete from operations o using old where o.op = old.op and o.actor = old.actor;
    get diagnostics others = row_count;
    return greatest(batches, others);
end $$;

-- The audit reads the links with refusals in the order of their time, by chain_links_refused_at.
drop index chain_links_refusals_at;
