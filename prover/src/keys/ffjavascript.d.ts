// Types of ffjavascript, which ships none: only what is used here.
declare module "ffjavascript" {
  interface Group {
    /** The generator, affine, coordinates in Montgomery form. */
    gAffine: Uint8Array;
    /** Coordinates as integers, z = 1 (or 0 for the point at infinity). */
    toObject(affine: Uint8Array): unknown[];
  }
  interface Curve {
    Fr: { w: Uint8Array[]; toObject(element: Uint8Array): bigint };
    G1: Group;
    G2: Group;
    Gt: { toObject(element: Uint8Array): unknown };
    /** `code` is present in a single-thread curve only. */
    tm: { code: Uint8Array };
    pairing(g1: Uint8Array, g2: Uint8Array): Uint8Array;
  }
  export function buildBn128(singleThread: true): Promise<Curve>;
}
