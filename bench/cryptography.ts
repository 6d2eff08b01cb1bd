import type { Entropy } from '@keyhaven/core/crypto';
import {
  aeadOpen,
  aeadSeal,
  agree,
  hkdf,
  privateKeyFrom,
  publicBytes,
  publicKeyFrom,
  secretKey,
  sha256,
  signBytes,
  verifyBytes,
} from '@keyhaven/core/crypto';
import { median } from './figures.ts';

/**
 * Seconds of one core that the cryptography of one fresh application takes, on both sides together: two key agreements, the key's
 * signature, the check of it and of the certificate, key derivations, and four records each way (login and logout).
 */
export const cryptographyOfFreshLogin = (entropy: Entropy): number => {
  const signing = privateKeyFrom('ed25519', entropy.bytes(32));
  const verifying = publicBytes(signing);
  const transcript = sha256(entropy.bytes(64));
  const certificateSignature = signBytes(signing, transcript);
  const message = entropy.bytes(80);
  const nonce = entropy.bytes(12);

  const once = (): void => {
    const application = entropy.exchangePair();
    const key = entropy.exchangePair();
    for (const [own, other] of [
      [application, key],
      [key, application],
    ] as const) {
      hkdf(agree(own.privateKey, other.publicKey), transcript, 'bench', 88);
    }
    const signature = signBytes(signing, transcript);
    const trusted = publicKeyFrom('ed25519', verifying);
    if (!verifyBytes(trusted, transcript, signature) || !verifyBytes(publicKeyFrom('ed25519', verifying), transcript, certificateSignature))
      throw new Error('does not hold');
    const secret = secretKey(transcript);
    for (let record = 0; record < 4; record++) aeadOpen(secret, nonce, aeadSeal(secret, nonce, message, nonce), nonce);
  };
  for (let i = 0; i < 300; i++) once();
  const rounds = Array.from({ length: 7 }, () => {
    const from = performance.now();
    for (let i = 0; i < 300; i++) once();
    return (performance.now() - from) / 300 / 1_000;
  });
  return median(rounds);
};
