// Types of the GPL libraries that ship none: only what is used here.
declare module "circomlibjs" {
  interface Poseidon {
    (inputs: readonly bigint[], initialState?: bigint): Uint8Array;
    F: { toObject(element: Uint8Array): bigint };
  }
  export function buildPoseidon(): Promise<Poseidon>;
}
