import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../app-context.ts';

/** License files may be dropped on any page. */
export const DropAnywhere = () => {
  const { take } = useApp();
  const [over, setOver] = useState(false);
  useEffect(() => {
    // A field for a file takes it itself, and a dialog wants an answer first.
    const isElsewhere = ({ target }: DragEvent): boolean => target instanceof Element && target.closest('dialog, input') !== null;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true && !isElsewhere(event);
    const enter = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      setOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      take([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener('dragenter', enter);
    addEventListener('dragover', enter);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragenter', enter);
      removeEventListener('dragover', enter);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, [take]);
  return over ? (
    <div class="dropping" aria-hidden="true">
      <p>Drop to apply</p>
    </div>
  ) : null;
};
