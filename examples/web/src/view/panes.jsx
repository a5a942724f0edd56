/**
 * Two replicas side by side, each in a frame, to watch what happens when one of them is offline.
 *
 * @param {{ urls: string[] }} props
 */
export function Panes({ urls }) {
  return (
    <div class="panes">
      {urls.map((url, index) => (
        <iframe key={url} src={url} title={`Replica ${index + 1}`} />
      ))}
    </div>
  );
}
