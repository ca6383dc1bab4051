// The package's own declarations are not found under its "exports": only what is used here.
declare module "cephes" {
  const cephes: {
    /** Resolves once the WebAssembly modules are compiled; before that no function works. */
    readonly compiled: Promise<void>;
    exp(x: number): number;
    log(x: number): number;
    /** Upper tail of the chi-squared distribution. */
    chdtrc(degrees: number, x: number): number;
    /** Regularised incomplete beta function. */
    incbet(a: number, b: number, x: number): number;
    /** Inverse of `ndtr`. */
    ndtri(p: number): number;
    /** Cumulative distribution function of the standard normal distribution. */
    ndtr(x: number): number;
  };
  export default cephes;
}
