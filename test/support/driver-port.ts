/** The parts of a driver's port that drivers of real protocols never use. */
export const NO_CHILD = {
  endInput: (): void => {},
  signal: (): void => {},
  after: (): (() => void) => () => {},
}
