/** One clock for all processes of this machine: monotonic, ms. */
export function machineNow(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
