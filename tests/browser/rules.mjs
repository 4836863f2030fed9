// Three pages in one room, as its owner, an admin and a listener who asks for a seat: whatever one of them decides is seen by
// the others at once, and whatever is refused is said in a sentence.

import assert from 'node:assert/strict';

import { until } from '../../clients/js/tests/program.js';
import { DESKTOP, PHONE, Visitor } from './visitor.mjs';

const shown = (visitor, selector) => visitor.page.locator(selector).isVisible();
const asked = (visitor, text) => visitor.page.locator('#asked').getByText(text).waitFor();
const told = (visitor, pattern) => until(async () => assert.match(await visitor.notice(), pattern));
const noted = (visitor, text) => visitor.page.locator('#lines .note', { hasText: text }).last().waitFor();
const seatsAre = (visitors, expected) =>
  Promise.all(visitors.map((visitor) => until(async () => {
    const seats = await visitor.seats();
    for (const [no, name] of Object.entries(expected)) assert.equal(seats[no], name, `seat ${no} of ${visitor.name}`);
  })));

/** Opens the sheet of a person in the room. */
async function person(visitor, name) {
  await visitor.page.locator('#people-show').click();
  await visitor.page.locator('#people button', { hasText: name }).click();
  await visitor.heading(name, 2);
}

/** Opens the rules of the room, changes these, and saves them. */
async function setRules(visitor, changes, look) {
  await visitor.page.locator('#room-show').click();
  await visitor.press('Rules of the room');
  await visitor.heading('Rules of the room', 2);
  for (const [label, value] of Object.entries(changes)) {
    const field = visitor.page.locator('#rules label', { hasText: label }).locator('select, input');
    if ((await field.evaluate((node) => node.localName)) === 'select') await field.selectOption({ label: value });
    else await field.fill(value);
  }
  if (look) await visitor.inspect(look);
  await visitor.press('Save');
  await visitor.page.locator('#rules').waitFor({ state: 'hidden' });
}

async function askFor(visitor, no) {
  await visitor.seat(no).click();
  await visitor.press(`Ask for seat ${no}`);
  await asked(visitor, `You have asked for seat ${no}`);
}

export async function rules(check, { browser, server }) {
  const owner = await Visitor.arrive(browser, server.url, DESKTOP);
  const admin = await Visitor.arrive(browser, server.url, PHONE);
  const guest = await Visitor.arrive(browser, server.url, PHONE);
  const all = [owner, admin, guest];
  const name = `Rules ${Date.now().toString(36)}`;
  /** Chromium logs each request that is refused: this many were to be. */
  const refused = (visitor) => until(() => {
    assert.ok(visitor.complaints.length);
    for (const line of visitor.complaints.splice(0)) assert.match(line, /^Failed to load resource: the server responded with a status of 4\d\d/);
  });

  let whole = true;
  /** Each step begins where the one before has ended, so after one that has failed there are no others. */
  const step = async (what, work) => (whole &&= await check(what, work));

  await step('an owner makes somebody an admin, who is told so, and everybody reads it', async () => {
    await Promise.all([owner.signIn('Amira'), admin.signIn('Omar'), guest.signIn('Layla')]);
    await owner.page.locator('#open-room-show').click();
    await owner.page.getByLabel('Name', { exact: true }).fill(name);
    await owner.page.locator('#open-room-form button[type=submit]').click();
    await owner.heading(name);
    for (const visitor of [admin, guest]) {
      await visitor.page.getByRole('button', { name: `Join ${name}` }).click();
      await visitor.heading(name);
    }
    await until(async () => assert.equal(await owner.page.locator('#people-count').textContent(), '3'));
    await person(owner, admin.name);
    await owner.press('Make an admin');
    await told(admin, new RegExp(`^${owner.name} has made you an admin of this room\\.$`));
    assert.equal(await admin.page.locator('#notice').getAttribute('data-kind'), 'good');
    await noted(guest, `${admin.name} became an admin`);
    await admin.page.locator('#notice-close').click();
  });

  await step('where seats are asked for, the bar says who asks, and an admin gives the seat', async () => {
    await setRules(owner, { 'Who takes a seat': 'Who asks for it' }, 'rules');
    await noted(guest, `By ${owner.name}: whoever wants a seat asks for it`);
    await askFor(guest, 3);
    await guest.inspect('asked-own');
    await guest.press('Ask no more');
    await until(async () => assert.equal(await shown(guest, '#asked'), false));
    await askFor(guest, 3);
    await asked(owner, `${guest.name} asks for seat 3.`);
    await owner.inspect('asked-owner');
    await asked(admin, `${guest.name} asks for seat 3.`);
    await admin.press('Give it');
    await seatsAre(all, { 3: guest.name });
    await told(guest, new RegExp(`^${admin.name} has given you seat 3\\.$`));
    for (const visitor of all) assert.equal(await shown(visitor, '#asked'), false);
  });

  await step('of two who decide about one hand the later is told what became of it, and by whom', async () => {
    await guest.seat(3).click();
    await guest.press('Leave seat 3');
    await seatsAre(all, { 3: 'Seat 3' });
    await askFor(guest, 4);
    await asked(owner, `${guest.name} asks for seat 4.`);
    await owner.wire(true);
    await owner.press('Cut for 10 s');
    await owner.wire(false);
    await owner.press('Give it');
    await admin.press('Refuse');
    await told(guest, new RegExp(`^${admin.name} has refused you a seat\\.$`));
    await owner.wire(true);
    if (await shown(owner, '#come-back')) await owner.press('Come back now');
    await owner.wire(false);
    await told(owner, new RegExp(`^${admin.name} has refused this hand already\\.$`));
    await seatsAre(all, { 4: 'Seat 4' });
    assert.equal(await shown(owner, '#asked'), false);
  });

  await step('an invitation is shown with who invites, and is accepted', async () => {
    await person(admin, guest.name);
    await admin.inspect('person-admin');
    await admin.press('Invite to a seat');
    await asked(guest, `${admin.name} invites you to a seat.`);
    await guest.inspect('invited');
    await guest.press('Take it');
    await seatsAre(all, { 1: guest.name });
    await admin.seat(2).click();
    await admin.press('Take seat 2');
    await seatsAre(all, { 2: admin.name });
  });

  await step('an owner moves a user to a taken seat: the two change seats, and are told', async () => {
    await person(owner, guest.name);
    await owner.inspect('person-owner');
    await owner.press('Move to another seat');
    await owner.page.locator('#move select').selectOption({ label: `Seat 2, where ${admin.name} sits` });
    await owner.inspect('move');
    await owner.press('Move');
    await seatsAre(all, { 1: admin.name, 2: guest.name });
    await told(guest, new RegExp(`^${owner.name} has moved you to seat 2\\.$`));
    await told(admin, new RegExp(`^${owner.name} has moved you to seat 1\\.$`));
    await noted(guest, `${owner.name} moved you to seat 2`);
  });

  await step('a muted seat is seen by everybody, and stays muted for whoever mutes and unmutes themselves', async () => {
    await person(owner, guest.name);
    await owner.press('Mute the seat');
    await told(guest, new RegExp(`^${owner.name} has muted your seat: nobody hears you\\.$`));
    for (const visitor of all) await visitor.page.getByRole('button', { name: /^Seat 2, Layla.*, muted$/ }).waitFor();
    await guest.seat(2).click();
    await guest.page.locator('#seat-text').getByText('It is muted by the room: nobody hears you.').waitFor();
    await guest.inspect('seat-muted');
    await guest.page.keyboard.press('Escape');
    await person(owner, guest.name);
    await owner.press('Unmute the seat');
    await told(guest, new RegExp(`^${owner.name} has unmuted your seat\\.$`));
  });

  await step('who is muted in the chat is told until when, and has no field to write in', async () => {
    const [hush, field] = ['#hush', '#say input'].map((selector) => guest.page.locator(selector));
    await person(admin, guest.name);
    await admin.press('Mute in the chat for ten minutes');
    await told(guest, new RegExp(`^${admin.name} has muted you in the chat until .*\\d\\.$`));
    await until(async () => assert.match(await hush.textContent(), /^You are muted in this chat until .*\d\.$/));
    assert.equal(await field.isVisible(), false);
    await guest.inspect('chat-muted');
    await person(admin, guest.name);
    await admin.press('Let write in the chat again');
    await told(guest, /^You may write in the chat again\.$/);
    assert.equal(await field.isVisible(), true);
  });

  await step('in slow mode the field says so, and a line that comes too early waits and goes by itself', async () => {
    await setRules(admin, { 'Slow mode': 'A line every 5 s' }, 'rules-admin');
    await until(async () => assert.equal(await guest.page.locator('#say input').getAttribute('placeholder'), 'A line every 5 s'));
    await guest.say('the first line');
    await until(async () => assert.equal((await admin.chat()).at(-1), 'the first line'));
    await guest.say('the second line');
    await guest.page.locator('#outbox').getByText('Sent as soon as slow mode lets it, a line every 5 s: the second line').waitFor();
    await until(async () => assert.equal((await admin.chat()).at(-1), 'the second line'), 12_000);
    await until(async () => assert.equal(await guest.page.locator('#outbox li').count(), 0));
    await setRules(admin, { 'Slow mode': 'Off', 'Who writes': 'Owner and admins' });
    await guest.page.locator('#hush').getByText('Only the owner and the admins write now.').waitFor();
    await admin.say('an admin may');
    await until(async () => assert.equal((await guest.chat()).at(-1), 'an admin may'));
    await setRules(admin, { 'Who writes': 'Everybody' });
    await guest.page.locator('#say input').waitFor();
  });

  await step('a line is recalled by its author and by an admin, and everybody has lost it', async () => {
    const gone = (visitor) => visitor.texts('#lines .gone');
    await guest.say('a line that I regret');
    for (const visitor of all) await until(async () => assert.equal((await visitor.chat()).at(-1), 'a line that I regret'));
    assert.equal(await guest.page.locator('#lines button.text', { hasText: 'an admin may' }).count(), 0, 'nobody recalls others’ lines');
    await guest.press('a line that I regret');
    await guest.heading('A line of the chat', 2);
    await guest.inspect('line-sheet');
    await guest.press('Recall it for everybody');
    for (const visitor of [owner, admin]) await until(async () => assert.deepEqual(await gone(visitor), ['This line was recalled']));
    await until(async () => assert.deepEqual(await gone(guest), ['You recalled this line']));
    await admin.press('the second line');
    await admin.press('Recall it for everybody');
    for (const visitor of all) await until(async () => assert.equal((await gone(visitor)).length, 2));
    for (const visitor of all) assert.ok(!(await visitor.page.locator('#lines').textContent()).includes('regret'), visitor.name);
    await guest.inspect('recalled');
    await guest.page.reload();
    await guest.heading(name);
    await until(async () => assert.equal((await gone(guest)).length, 2), 15_000);
    assert.ok(!(await guest.chat()).includes('the second line'), 'who comes later does not read it either');
  });

  await step('a room with a password asks for it, says that it was wrong, and lets in with the right one', async () => {
    await guest.page.locator('#leave').click();
    await guest.heading('Rooms');
    await setRules(owner, { 'Who comes in': 'Who knows the password', 'The room’s new password': 'open sesame' });
    const card = guest.page.getByRole('button', { name: `Join ${name}` });
    await until(async () => assert.match(await card.textContent(), /Password/));
    await guest.inspect('rooms-password');
    await card.click();
    await guest.heading('This room has a password', 2);
    await guest.heading(name);
    assert.equal(await shown(guest, '#say'), false);
    assert.equal(await shown(guest, '#notice'), false, 'nothing was wrong yet');
    await guest.inspect('password');
    await guest.page.getByLabel('Password of the room').fill('open barley');
    await guest.press('Come in');
    await guest.page.locator('#password').getByText('The password is wrong.').waitFor();
    await guest.inspect('password-wrong');
    await guest.page.getByLabel('Password of the room').fill('open sesame');
    await guest.page.getByLabel('Password of the room').press('Enter');
    await guest.heading(name);
    await guest.page.locator('#say').waitFor();
    assert.equal(await shown(guest, '#password'), false);
    await refused(guest);
  });

  await step('who is banned is told why and until when, finds the door shut, and comes in when the ban is lifted', async () => {
    await person(admin, guest.name);
    await admin.press('Kick or ban');
    await admin.page.getByLabel('For how long').selectOption({ label: 'A day' });
    await admin.page.getByLabel('Reason, shown to the user').fill('too loud');
    await admin.inspect('put-out');
    await admin.press('Ban for a day');
    await guest.heading('Rooms');
    await told(guest, /^You were banned from the room until .*\d\. “too loud”$/);
    await guest.inspect('banned');
    for (const visitor of [owner, admin]) await noted(visitor, /banned Layla from the room until .*: “too loud”/);
    await guest.page.getByRole('button', { name: `Join ${name}` }).click();
    await told(guest, /^You are banned from this room until .*\d\. “too loud”$/);
    await guest.heading('Rooms');
    await refused(guest);

    await owner.page.locator('#room-show').click();
    await owner.inspect('room-sheet-owner');
    await owner.press('Who is banned or muted');
    await owner.page.locator('#measures').getByText(`by ${admin.name}`).waitFor();
    await owner.inspect('measures');
    await owner.press(`Lift the ban of ${guest.name}`);
    await owner.page.getByText('Nobody is banned, and nobody is muted in the chat.').waitFor();
    await owner.page.keyboard.press('Escape');
    await guest.page.getByRole('button', { name: `Join ${name}` }).click();
    await guest.heading(name);
    assert.equal(await shown(guest, '#notice'), false, 'the notice goes with its cause');
  });

  await step('a room is handed over by an offer that is accepted', async () => {
    await person(owner, admin.name);
    await owner.press('Offer the room');
    await asked(admin, `${owner.name} offers you this room: it would be yours.`);
    await admin.inspect('offered');
    await admin.press('Own it');
    await told(admin, /^This room is yours now\.$/);
    await noted(guest, `The room belongs to ${admin.name} now`);
    await owner.page.locator('#room-show').click();
    assert.equal(await shown(owner, '#room-rules'), false, 'who owned it decides no more');
    await owner.page.keyboard.press('Escape');
  });

  await step('a closed room puts everybody out, and its owner opens it again from the list', async () => {
    await admin.page.locator('#room-show').click();
    await admin.press('Rules of the room');
    await admin.press('Close the room: everybody is put out');
    for (const visitor of all) {
      await visitor.heading('Rooms');
      await told(visitor, /^The room was closed\.$/);
    }
    await guest.page.getByLabel('My own').check({ force: true });
    await guest.page.getByText('You own no room').waitFor();
    await admin.page.getByLabel('My own').check({ force: true });
    const card = admin.page.getByRole('button', { name: `Join ${name}` });
    await until(async () => assert.match(await card.textContent(), /Closed: press to open it/));
    await admin.inspect('rooms-own');
    await card.click();
    await admin.heading(name);
    await admin.page.locator('#leave').click();
  });

  await step('no errors in the console of the three', () => assert.deepEqual(all.flatMap(({ complaints }) => complaints), []));
  return all;
}
