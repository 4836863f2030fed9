-- Run once by the image of PostgreSQL, as its superuser, in an empty data directory: the three roles and the
-- database. The passwords are compose's, for one machine; give others where the port is open to more.
create role parlor_owner login password 'owner-of-this-machine';
create role parlor_app login password 'app-of-this-machine';
create role parlor_audit login password 'audit-of-this-machine';
create database parlor owner parlor_owner;
