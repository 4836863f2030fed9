-- compatible: yes
-- Says which migrations leave the schema usable for older programs, so that during a deploy a program can start on a
-- schema that is newer than itself. `parlor migrate` writes it from the first line of each migration.
create table schema_marks (
    -- The migration's version, as in sqlx's own table of migrations. No foreign key refers to that table, because sqlx
    -- alone decides its form.
    version bigint primary key,
    -- The version of the migration that an older program must know to serve on this schema; null: every older program
    -- may serve.
    needs bigint constraint schema_marks_needs_older check (needs < version)
);

grant select on schema_marks to parlor_app, parlor_audit;
