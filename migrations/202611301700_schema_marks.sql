-- compatible: yes
-- Which migrations leave the schema fit for older programs, so that a program starts on a schema that is newer
-- than itself during a deploy. Written by `parlor migrate`, from the first line of each migration.
create table schema_marks (
    -- As in sqlx's table of migrations, to which no key refers: that one is sqlx's own.
    version bigint primary key,
    -- An older program must know this migration to serve on the schema; null: every older one may serve.
    needs bigint constraint schema_marks_needs_older check (needs < version)
);

grant select on schema_marks to parlor_app, parlor_audit;
