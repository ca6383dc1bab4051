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
  export const curves: {
    getCurveFromName(name: "bn128", options?: { singleThread: boolean }): Promise<{ terminate(): Promise<void> }>;
  };
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
