// The tokens of tokens.json, which the server's tests compare with what it signs, are read by the vendors' own packages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { mock, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { TokenVerifier } from 'livekit-server-sdk';

const require = createRequire(import.meta.url);
const { AccessToken2, ServiceRtc } = require('agora-token/src/AccessToken2');
const { livekit, agora, issued, room, user, name } = JSON.parse(readFileSync(new URL('tokens.json', import.meta.url)));

// What a token is worth `seconds` after it was issued.
const at = async (seconds, look) => {
  mock.timers.enable({ apis: ['Date'], now: (issued + seconds) * 1000 });
  try {
    return await look();
  } finally {
    mock.timers.reset();
  }
};
const read = (token, secret = livekit.secret, key = livekit.key) => new TokenVerifier(key, secret).verify(token, 0);

test('LiveKit reads the grants of a listener and of a speaker', async () => {
  for (const [token, speaks] of [[livekit.listen, false], [livekit.speak, true]]) {
    const claims = await at(0, () => read(token));
    assert.deepEqual(claims, {
      iss: livekit.key,
      sub: user,
      nbf: issued,
      exp: issued + livekit.lasts,
      name,
      video: {
        room,
        roomJoin: true,
        canSubscribe: true,
        canPublish: speaks,
        canPublishData: false,
        canPublishSources: speaks ? ['microphone'] : [],
      },
    });
  }
});

test('LiveKit reads the grant of a call to its API, which is good for one room', async () => {
  const claims = await at(0, () => read(livekit.call));
  assert.deepEqual(claims.video, { room, roomAdmin: true });
});

test('LiveKit refuses a token before its time, after it, and under another key', async () => {
  await at(livekit.lasts - 1, () => read(livekit.speak));
  await assert.rejects(at(livekit.lasts + 1, () => read(livekit.speak)), /exp/);
  await assert.rejects(at(-10, () => read(livekit.speak)), /nbf/);
  await assert.rejects(at(0, () => read(livekit.speak, 'another-secret')), /signature/);
  await assert.rejects(at(0, () => read(livekit.speak, livekit.secret, 'another-key')), /iss/);
});

const bytes = token => inflateSync(Buffer.from(token.slice(3), 'base64'));

test('Agora reads the privileges of a listener and of a speaker, and verifies the signature', () => {
  const { kPrivilegeJoinChannel: join, kPrivilegePublishAudioStream: publish } = ServiceRtc;
  for (const [token, privileges] of [
    [agora.listen, { [join]: agora.lasts }],
    [agora.speak, { [join]: agora.lasts, [publish]: agora.speaks }],
  ]) {
    const parsed = new AccessToken2('', '', 0, 0);
    assert.ok(parsed.from_string(token));
    assert.deepEqual([String(parsed.appId), parsed.issueTs, parsed.expire], [agora.app, issued, agora.lasts]);
    assert.ok(parsed.verifySignature(agora.certificate));
    assert.ok(!parsed.verifySignature(agora.certificate.replace(/^./, 'f')));
    const [service, ...more] = parsed.getServices(1);
    assert.deepEqual(more, []);
    assert.deepEqual([String(service.__channel_name), String(service.__uid)], [room, user]);
    assert.deepEqual({ ...service.__privileges }, privileges);

    // The package makes the same bytes of the same salt.
    const made = new AccessToken2(agora.app, agora.certificate, issued, agora.lasts);
    made.salt = parsed.salt;
    const rtc = new ServiceRtc(room, Number(user));
    for (const [privilege, lasts] of Object.entries(privileges)) rtc.add_privilege(Number(privilege), lasts);
    made.add_service(rtc);
    assert.deepEqual(bytes(token), bytes(made.build()));
  }
});
