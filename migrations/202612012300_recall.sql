-- compatible: no
-- Staff recalls lines of any room's chat: whoever may put people out of rooms may also take back what they wrote there.
insert into permissions (name, description) values ('rooms.recall', 'Recall a line of any room''s chat.');
insert into role_permissions (role, permission) values
    ('admin', 'rooms.recall'), ('manager', 'rooms.recall'), ('moderator', 'rooms.recall');
