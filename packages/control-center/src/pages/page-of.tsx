import type { Handed } from '../apply-files.ts';
import { linkTo, type Place } from '../router.ts';
import { Empty } from '../ui/notice.tsx';
import { AboutPage } from './about.tsx';
import { ConfigurationPage } from './configuration/configuration.tsx';
import { DiagnosticsPage } from './diagnostics.tsx';
import { FeaturesPage } from './features.tsx';
import { HelpPage } from './help.tsx';
import { KeyPage } from './key.tsx';
import { KeysPage } from './keys.tsx';
import { LogPage } from './log.tsx';
import { NetworkPage } from './network/network.tsx';
import { OverviewPage } from './overview.tsx';
import { ProductsPage } from './products.tsx';
import { SearchPage } from './search.tsx';
import { SessionsPage } from './sessions.tsx';
import { UpdatePage } from './update.tsx';
import { UsagePage } from './usage.tsx';

export const PageOf = ({ place: { page, query, visit }, handed }: { readonly place: Place; readonly handed: readonly Handed[] }) => {
  // Another question is another list: it begins at its first page.
  const key = `${page}?${query} ${visit}`;
  switch (page) {
    case 'overview':
      return <OverviewPage />;
    case 'keys':
      return <KeysPage key={key} query={query} />;
    case 'key':
      return <KeyPage key={key} id={query.get('id') ?? ''} />;
    case 'products':
      return <ProductsPage key={key} query={query} />;
    case 'features':
      return <FeaturesPage key={key} query={query} />;
    case 'sessions':
      return <SessionsPage key={key} query={query} />;
    case 'update':
      return <UpdatePage handed={handed} />;
    case 'usage':
      return <UsagePage query={query} />;
    case 'log':
      return <LogPage query={query} />;
    case 'network':
      return <NetworkPage />;
    case 'configuration':
      return <ConfigurationPage query={query} />;
    case 'diagnostics':
      return <DiagnosticsPage />;
    case 'help':
      return <HelpPage />;
    case 'about':
      return <AboutPage />;
    case 'search':
      return <SearchPage key={key} q={query.get('q') ?? ''} />;
    default:
      return (
        <Empty title="There is no such page.">
          Go to the <a href={linkTo('overview')}>Overview</a>.
        </Empty>
      );
  }
};
