-- compatible: yes
-- The answer to a hard command is stored with its fact, so that a retry gets it whenever it comes: the epoch, which the row
-- has already, and the number of the room's last event when it decided.

alter table room_facts
    -- Null for a fact of an older program, whose answers named another event after each restart.
    add column seq bigint check (seq >= 0);
