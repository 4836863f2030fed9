-- The image of PostgreSQL runs this once, as its superuser, in an empty data directory. It creates the three roles and the
-- database. The passwords are those of compose.yaml, for one machine; choose others if the port is open to other machines.
create role parlor_owner login password 'owner-of-this-machine';
create role parlor_app login password 'app-of-this-machine';
create role parlor_audit login password 'audit-of-this-machine';
create database parlor owner parlor_owner;
