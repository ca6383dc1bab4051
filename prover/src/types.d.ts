// Types of the GPL libraries that ship none: only what is used here.
declare module "circomlibjs" {
  interface Poseidon {
    (inputs: readonly bigint[], initialState?: bigint): Uint8Array;
    F: { toObject(element: Uint8Array): bigint };
  }
  export function buildPoseidon(): Promise<Poseidon>;
}
declare module "snarkjs" {
  type MemoryFile = { type: "mem"; data?: Uint8Array };
  export const groth16: {
    prove(provingKey: MemoryFile, witness: MemoryFile): Promise<{ proof: unknown; publicSignals: string[] }>;
    verify(verificationKey: unknown, publicSignals: unknown, proof: unknown): Promise<boolean>;
  };
  /** Points are affine in what a sum takes and projective in what it gives; numbers in Montgomery form unless said. */
  interface PointGroup {
    readonly g: Uint8Array;
    /** Scalars are plain, 32 bytes each. */
    multiExpAffine(points: Uint8Array, scalars: Uint8Array): Promise<Uint8Array>;
    isZero(point: Uint8Array): boolean;
    neg(point: Uint8Array): Uint8Array;
  }
  interface ScalarField {
    readonly one: Uint8Array;
    /** Roots of unity: w[k] is of order 2^k. */
    readonly w: readonly Uint8Array[];
    toObject(element: Uint8Array): bigint;
    batchToMontgomery(elements: Uint8Array): Promise<Uint8Array>;
    batchFromMontgomery(elements: Uint8Array): Promise<Uint8Array>;
    /** Multiplies the elements by first, first·step, first·step² and so on. */
    batchApplyKey(elements: Uint8Array, first: Uint8Array, step: Uint8Array): Promise<Uint8Array>;
    fft(coefficients: Uint8Array): Promise<Uint8Array>;
    ifft(values: Uint8Array): Promise<Uint8Array>;
  }
  interface Bn128 {
    readonly Fr: ScalarField;
    readonly G1: PointGroup;
    readonly G2: PointGroup;
    /** Whether e(a1, b1)·e(a2, b2) is one. */
    pairingEq(a1: Uint8Array, b1: Uint8Array, a2: Uint8Array, b2: Uint8Array): Promise<boolean>;
    terminate(): Promise<void>;
  }
  export const curves: { getCurveFromName(name: "bn128", options?: { singleThread: boolean }): Promise<Bn128> };
  export const zKey: {
    /** Resolves to -1 where the two do not fit together. */
    newZKey(r1cs: MemoryFile, phase1: MemoryFile, key: MemoryFile): Promise<Uint8Array | -1>;
    contribute(from: MemoryFile, to: MemoryFile, name: string, entropy: string): Promise<Uint8Array>;
    /** Resolves to false where value or count are not taken. */
    beacon(from: MemoryFile, to: MemoryFile, name: string, value: string, log2: number): Promise<Uint8Array | false>;
    verifyFromInit(initial: MemoryFile, phase1: MemoryFile, key: MemoryFile): Promise<boolean>;
    exportVerificationKey(key: MemoryFile): Promise<object>;
  };
}
declare module "circom_runtime" {
  export function WitnessCalculatorBuilder(circuit: WebAssembly.Instance): Promise<{
    /** Nested arrays of any depth are taken row by row. Writes snarkjs's wtns format. */
    calculateWTNSBin(input: Readonly<Record<string, bigint | readonly bigint[]>>): Promise<Uint8Array>;
  }>;
}
declare module "unicode-confusables" {
  /** Each character replaced by the one that Unicode lists it as confusable with. */
  export function rectifyConfusion(text: string): string;
}
