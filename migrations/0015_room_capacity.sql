-- How many people a room takes is the operator's setting (room.capacity), unless the room has a number of
-- its own: so that raising the setting raises it for the rooms that are there.
alter table rooms alter column capacity drop not null, alter column capacity drop default;
update rooms set capacity = null where capacity = 1500;
