-- compatible: yes
-- What stands for a user's picture wherever people are named: a number that is another one with each picture. It is on the
-- user's own row, so that whoever reads a name reads it too. Null: the user has no picture.
--
-- A server that does not know the column sets pictures without it. Such a picture is shown by its lasting address, and
-- the number comes with the user's next picture.
alter table users add column picture integer constraint users_picture_range check (picture >= 0);

-- The last seven digits of an upload's id are random.
update users
   set picture = ('x' || right(avatars.upload_id::text, 7))::bit(28)::integer
  from avatars
 where avatars.user_id = users.id;
