-- compatible: yes
-- For whom a database is served. `parlor dev` puts users with a known password into its database, so it refuses one that
-- `parlor serve` has ever served: every server notes on its own row how it was started.

-- Null on the row of an older program, which did not note it. Such a row counts as one of `parlor serve`.
alter table nodes add column mode text constraint nodes_mode_known check (mode in ('dev', 'serve'));

-- A database that has the demo users was served by `parlor dev`.
update nodes
   set mode = case when exists (select from users where email = 'demo1@parlor.example') then 'dev' else 'serve' end;
