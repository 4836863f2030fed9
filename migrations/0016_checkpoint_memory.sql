-- A room's remembered operations, packed: thousands of them go behind a room twice a second, which as JSON costs more
-- than deciding them did. They do not compress.
alter table room_checkpoints add column memory bytea not null default '';
alter table room_checkpoints alter column memory set storage external;

-- What was kept as JSON goes: a command whose answer was lost right before the upgrade may be done again after it.
update room_checkpoints set state = state - 'memory';
