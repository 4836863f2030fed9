-- compatible: no
-- The right of the platform's staff to see, set and lift the bans and mutes of any room. Whoever may put somebody out of any room
-- has it too.

insert into permissions (name, description) values
    ('rooms.moderate', 'See who is banned from a room or muted in it, ban and mute users there, and lift that.');
insert into role_permissions (role, permission)
select role, 'rooms.moderate'
  from role_permissions
 where permission = 'rooms.kick';
