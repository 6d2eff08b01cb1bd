export { isXmlName, MAX_XML_BYTES, placeIn, readXml, writeXml, type XmlElement, type XmlNode } from './xml.ts';
