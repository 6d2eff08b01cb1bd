import { askText } from '../api/http.ts';
import { useApp } from '../app-context.ts';
import { download } from '../ui/download.ts';

/** Files that a key gives; each is saved, or what is against it is told. */
export const useKeyFiles = (id: string) => {
  const { act, tell, live } = useApp();
  const save = async (what: string, path: string, name: string): Promise<boolean> => {
    const file = await act(what, () => askText('POST', `/api/v1/${path}`, { json: { key: id } }));
    if (file !== undefined) download(name, file);
    return file !== undefined;
  };
  return {
    c2v: () => save('Reading the key', 'c2v', `${id}.c2v`),
    /** Of a lent key: for its owner, who makes its time longer with it. */
    idFile: () => save('Making the ID file', 'recipient', `${id}.id`),
    /** Of a license that is given back already, for those who cannot wait until its owner is told. */
    r2h: () => save('Reading the file', 'return', `returned-${id}.r2h`),
    async giveBack() {
      if (!(await save('Returning', 'return', `returned-${id}.r2h`))) return;
      tell({ kind: 'good', text: 'The license is given back. Apply the R2H file where it came from; keep it until that is done.' });
      live.refresh();
    },
  };
};
