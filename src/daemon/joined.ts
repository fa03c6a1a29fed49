/** Requests for work that is under way, such as a reload, are joined: however many there were, it is done once more after that. */
export function joined(work: () => Promise<void>): () => void {
  let isUnderWay = false;
  let isWantedAgain = false;

  async function run(): Promise<void> {
    isUnderWay = true;
    do {
      isWantedAgain = false;
      await work();
    } while (isWantedAgain);
    isUnderWay = false;
  }

  return () => {
    if (isUnderWay) isWantedAgain = true;
    else void run();
  };
}
