-- compatible: yes
-- A worker looks for the jobs of one kind at a time, so that a kind with many jobs that hang or wait costs the other
-- kinds nothing. Within a kind the job that has been due longest comes first. Finished jobs are not in this index.
create index jobs_kind_due on jobs (kind, due_at) where state in ('waiting', 'running');
-- Nothing looks for jobs of all kinds any more.
drop index jobs_due;
-- Jobs that expire while they wait are ended without reading those that do not.
create index jobs_expires_at on jobs (expires_at) where state = 'waiting' and expires_at is not null;
