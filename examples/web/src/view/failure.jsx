/**
 * What the page shows if a board cannot be opened or closed.
 *
 * @param {{ error: unknown }} props
 */
export function Failure({ error }) {
  return (
    <div class="notice bad" role="alert">
      <p>The board could not be opened. {error instanceof Error ? error.message : String(error)}</p>
      <button onClick={() => location.reload()}>Reload</button>
    </div>
  );
}
