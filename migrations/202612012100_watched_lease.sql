-- compatible: yes
-- What a start needs to judge another server's lease by its own clock: a lease that has not changed for as long as its
-- holder can prove it is dead. No clock of the wall is asked, because one that was set back or forward would answer wrongly.

alter table nodes
    -- For how long the holder can prove the lease after a renewal, at most; null if an older program wrote it, which then
    -- has the watcher's own setting.
    add column lease_ms bigint check (lease_ms > 0),
    -- The number of renewals. An older program changes only lease_until, which is watched too.
    add column renewals bigint not null default 0;
