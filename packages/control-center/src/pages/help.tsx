import { linkTo } from '../router.ts';

const questions: readonly { readonly title: string; readonly text: string; readonly page: string; readonly link: string }[] = [
  {
    title: 'A license arrived',
    text: 'Drop the V2C or V2CP file on any page. It says what it changed, or why it was refused and what to do.',
    page: 'update',
    link: 'Update/Attach',
  },
  {
    title: 'The vendor wants a C2V',
    text: 'For the first license enter his vendor code under Update/Attach. For a key that is here, open it and save its C2V.',
    page: 'keys',
    link: 'Keys',
  },
  {
    title: 'No seat is free',
    text: 'See who uses the keys of this computer, which keys elsewhere its own applications use, and who waits. A session can be disconnected; its seat is free at once.',
    page: 'sessions',
    link: 'Sessions',
  },
  {
    title: 'Somebody was refused',
    text: 'The Overview tells who was refused of late, by which rule or for which cause.',
    page: 'overview',
    link: 'Overview',
  },
  {
    title: 'A key on another computer is not found',
    text: 'Let the doctor look: it names the firewall or setting that blocks, with a remedy. The rules that firewalls need are there, too.',
    page: 'network',
    link: 'Network',
  },
  {
    title: 'A license is needed on the road',
    text: 'There: Diagnostics, save the ID file. Here: Products, Detach, give it. Take the H2R file back there and drop it on any page. It comes home by itself when its time is over, or earlier by Return at the key.',
    page: 'products',
    link: 'Products',
  },
  {
    title: 'A key is to move to another computer',
    text: 'There: Diagnostics, save the ID file. Here: open the key, Move, give it. Take the H2H file there.',
    page: 'keys',
    link: 'Keys',
  },
  {
    title: 'Who may use what',
    text: 'Rules by user, computer, key, product and feature, the first that matches decides.',
    page: 'configuration',
    link: 'Configuration',
  },
  {
    title: 'Numbers for the next purchase',
    text: 'Peaks, percentiles and refusals by feature, product, user and computer, also as CSV.',
    page: 'usage',
    link: 'Usage history',
  },
];

export const HelpPage = () => (
  <>
    <p>
      Everything on these pages works by keyboard. The same is done by the command line: <code>keyhaven --help</code>.
    </p>
    <dl class="questions">
      {questions.map(({ title, text, page, link }) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            {text} <a href={linkTo(page)}>{link}</a>
          </dd>
        </div>
      ))}
    </dl>
  </>
);
