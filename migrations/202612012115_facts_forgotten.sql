-- compatible: yes
-- A room's hard facts are kept for room.facts_days and then removed by a job: what holds now stands in the tables beside
-- them. Kicks that are over go with them.

create index room_facts_at on room_facts (at);
create index room_kicks_until on room_kicks (until);
grant delete on room_facts to parlor_app;
